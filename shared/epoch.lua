-- Begin a new epoch; the published position falls back to what is there.
-- KEYS: state, events. ARGV: generation, new epoch.
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
local _, last = ends(KEYS[2])
local published = redis.call('HGET', KEYS[1], 'published') or '0-0'
if before(last, published) then published = last end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'published', published)
return ARGV[2]
