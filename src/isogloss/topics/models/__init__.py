"""Topic models of the literature, all with the interface of `isogloss.topics.TopicEstimator`."""
