-- Append an entry with the answers of the repeat-caller index.
-- KEYS: events stream, then one key of the index per lookup (the same key may come twice).
-- ARGV: a record per lookup, ms to keep, contacts to keep, then fields and values.
-- A record is 18 bytes: contact 8, its time in ms 6, its answer in ms 4 (all ones: none; so it comes from the caller).
-- A value of the index holds the records of the last contacts, ascending by time.
-- Returns the id of the entry.

local asked, kept_ms, kept_bytes = ARGV[1], tonumber(ARGV[2]), 18 * ARGV[3]
local NONE, NONE_ANSWER = 4294967295, string.rep('\255', 8)
local sub, unpack_bytes, pack_bytes = string.sub, struct.unpack, struct.pack
local fresh, answers = {}, {}

-- Answer in ms for a record, and what the index holds from now on (nil: what it held).
local function answered(record, known)
  local contact, ts = sub(record, 1, 8), unpack_bytes('<I6', record, 9)
  local answer, place = NONE, 1 -- place: where this contact belongs among the known ones
  for p = 1, #known, 18 do
    if sub(known, p, p + 7) == contact then return (unpack_bytes('<I4', known, p + 14)) end
    local other_ts = unpack_bytes('<I6', known, p + 8)
    if other_ts <= ts then place = p + 18 end
    if other_ts < ts then answer = ts - other_ts end
  end
  if answer > kept_ms then answer = NONE end
  known = sub(known, 1, place - 1) .. sub(record, 1, 14) .. pack_bytes('<I4', answer) .. sub(known, place)
  return answer, #known > kept_bytes and sub(known, 19) or known
end

for from = 2, #KEYS, 1000 do -- not all at once: a call takes some thousand arguments
  local to = math.min(from + 999, #KEYS)
  local found = redis.call('MGET', unpack(KEYS, from, to))
  for i = from, to do
    local key = KEYS[i]
    local known = fresh[key] or found[i - from + 1]
    local record = sub(asked, (i - 2) * 18 + 1, (i - 1) * 18)
    if known then
      local answer, changed = answered(record, known)
      if changed then fresh[key] = changed end
      answers[i - 1] = answer == NONE and NONE_ANSWER or pack_bytes('<i8', answer)
    else
      fresh[key] = record
      answers[i - 1] = NONE_ANSWER
    end
  end
end

local fields = {}
for i = 4, #ARGV do fields[i - 3] = ARGV[i] end
fields[#fields + 1] = 'r'
fields[#fields + 1] = table.concat(answers)
-- First of all writes: a full store refuses here, before the index has changed.
local id = redis.call('XADD', KEYS[1], '*', unpack(fields))
local call, px_ms = redis.call, ARGV[2]
for key, known in pairs(fresh) do call('SET', key, known, 'PX', px_ms) end
return id
