"""Files that let a CI system plan, show and apply. What the commands in them do is the program's."""
