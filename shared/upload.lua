-- Add a chunk to a checkpoint that no pointer names yet. It has an end of life from the first chunk on, in the same
-- step: an upload that breaks off at any moment leaves nothing behind.
-- KEYS: chunks. ARGV: chunk, life in ms.
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
