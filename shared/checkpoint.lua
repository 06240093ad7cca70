-- Move the pointer to a checkpoint whose chunks are all there.
-- KEYS: state, new chunks, old chunks (the new ones again when there is no old). ARGV: generation, pointer, chunks.
-- Returns 1, or 0 when chunks are missing.
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
if redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'checkpoint', ARGV[2])
redis.call('PERSIST', KEYS[2])
if KEYS[3] ~= KEYS[2] then redis.call('UNLINK', KEYS[3]) end
return 1
