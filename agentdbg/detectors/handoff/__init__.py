"""What agents pass on to one another, and what is lost or changed on the way."""
