-- Settle changes of an outbox, and write down beside it what that means, in one step.
-- KEYS: alerts, notes of the outbox, changes set aside.
-- ARGV: group, number of ids, number of notes, number of notes to forget, most entries kept aside, the record to set
-- aside (empty: none), then the ids, the notes (name, value), the names to forget.
local ids_end = 6 + tonumber(ARGV[2])
local notes_end = ids_end + 2 * tonumber(ARGV[3])
if ids_end > 6 then redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 7, ids_end)) end
for i = ids_end + 1, notes_end, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = notes_end + 1, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
if ARGV[6] ~= '' then redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', 'v', ARGV[6]) end
return 'OK'
