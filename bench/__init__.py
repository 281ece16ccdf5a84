"""Benchmarks of Belfry beside its peers; `bench/run --help`."""
