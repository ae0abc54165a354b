"""Looking after a repository: expiration, garbage collection, rewrites, statistics, inspection."""
