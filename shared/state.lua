-- Where a partition stands; names its life (epoch) when it has no name yet.
-- KEYS: state, events, alerts. ARGV: a new epoch.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local fields = redis.call('HMGET', KEYS[1], 'generation', 'published', 'differing')
local events_first, events_last = ends(KEYS[2])
local alerts_first, alerts_last = ends(KEYS[3])
return {
  epoch, fields[1] or '0', fields[2] or '0-0', fields[3] or '0', events_first, events_last, alerts_first, alerts_last,
}
