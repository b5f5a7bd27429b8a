"""What an engine tells the outside by itself: records on disk, counters by statsd."""
