"""What is shown, before anybody draws it: rows after folding, the critical path, one span in full, the finished
report."""
