"""prometheus: meters as Prometheus and OpenMetrics clients scrape them."""
