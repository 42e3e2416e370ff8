"""Who talks to whom: graphs, inequality, rhythm and topics of a discussion."""
