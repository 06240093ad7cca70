-- Append an entry with the answers of the repeat-caller index, and the counts of outbound contacts.
-- KEYS: events stream, then one key of the index per lookup, then one per outbound contact (a key may come twice).
-- ARGV: a record per lookup, a record per outbound contact, ms to keep, contacts to keep under a key of the index, and
-- of outbound ones, then fields and values.
-- A record of a lookup is 18 bytes: contact 8, its time in ms 6, its answer in ms 4 (all ones: none; so it comes from
-- the caller). One of an outbound contact is 16: contact 8, its time in ms 6, its count 2.
-- A value of the index holds the records of the last contacts, ascending by time.
-- Returns the id of the entry.

local asked, went_out, kept_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local kept_bytes, kept_out_bytes = 18 * ARGV[4], 16 * ARGV[5]
local NONE, NONE_ANSWER = 4294967295, string.rep('\255', 8)
local sub, unpack_bytes, pack_bytes = string.sub, struct.unpack, struct.pack
local fresh, answers, counts = {}, {}, {}

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

-- Contacts to the same person within the time that is kept, this one included, and what is held from now on (nil: as
-- before).
local function counted(record, known)
  local contact, ts = sub(record, 1, 8), unpack_bytes('<I6', record, 9)
  local count, place = 1, 1
  for p = 1, #known, 16 do
    if sub(known, p, p + 7) == contact then return (unpack_bytes('<I2', known, p + 14)) end
    local other_ts = unpack_bytes('<I6', known, p + 8)
    if other_ts <= ts then
      place = p + 16
      if ts - other_ts <= kept_ms then count = count + 1 end
    end
  end
  known = sub(known, 1, place - 1) .. sub(record, 1, 14) .. pack_bytes('<I2', count) .. sub(known, place)
  return count, #known > kept_out_bytes and sub(known, 17) or known
end

local lookups = #asked / 18

for from = 2, #KEYS, 1000 do -- not all at once: a call takes some thousand arguments
  local to = math.min(from + 999, #KEYS)
  local found = redis.call('MGET', unpack(KEYS, from, to))
  for i = from, to do
    local key = KEYS[i]
    local known = fresh[key] or found[i - from + 1]
    if i > lookups + 1 then
      local n = i - lookups - 1
      local count, changed = counted(sub(went_out, (n - 1) * 16 + 1, n * 16), known or '')
      if changed then fresh[key] = changed end
      counts[n] = pack_bytes('<I2', count)
    else
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
end

local fields = {}
for i = 6, #ARGV do fields[i - 5] = ARGV[i] end
fields[#fields + 1] = 'r'
fields[#fields + 1] = table.concat(answers)
if #counts > 0 then
  fields[#fields + 1] = 'o'
  fields[#fields + 1] = table.concat(counts)
end
-- First of all writes: a full store refuses here, before the index has changed.
local id = redis.call('XADD', KEYS[1], '*', unpack(fields))
local call, px_ms = redis.call, ARGV[3]
for key, known in pairs(fresh) do call('SET', key, known, 'PX', px_ms) end
return id
