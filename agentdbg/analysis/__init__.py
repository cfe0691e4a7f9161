"""Questions whose answer is no finding, one file each; what several need stands beside them, named by content."""
