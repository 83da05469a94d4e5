"""Comments on pull requests of GitHub and merge requests of GitLab. What a comment says is not known here."""
