"""Tests of the fleet, against a real Redis, real workers and a real HTTP server."""
