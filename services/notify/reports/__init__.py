"""The shift report: read from the minute history and the alerts log, computed in the core, shown as a page."""
