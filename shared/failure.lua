-- Count one more failure of the engine on an entry. KEYS: state, skip. ARGV: generation, position.
return fenced(KEYS[1], ARGV[1]) or redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
