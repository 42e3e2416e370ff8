"""The explorer over HTTP: a JSON API and the page, on one atlas."""
