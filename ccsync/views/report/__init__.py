"""The report: a plan as one page of HTML that a browser shows without asking anybody anything."""
