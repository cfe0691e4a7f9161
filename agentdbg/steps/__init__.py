"""What agents did, as a sequence: ingest hashes with it, detectors judge it, the view folds by it."""
