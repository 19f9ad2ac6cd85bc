
-- Copyright (C) Event Router contributors


-- Dedup keys, one script a verb of dedup.h; dedup.c counts out their arguments
-- and reads what they return.
--
-- A key is one hash, PREFIX:{xx}:d:KEY with KEY in hex and xx its first byte:
--
--     s    "c" claimed, "r" released, "d" done
--     t    token of the last holder
--     b    when the lease began, in ms of Redis's clock
--     l    how long it lasts, ms
--     n    attempts so far
--     xTARGET   for every settled target, its hash in 16 digits of hex
--     h    of a done one: a hash of the body, in hex
--     y:TARGET  for every target in whose queue it died
--
-- Three rules make the scripts safe to repeat and to lose.  The same token
-- gets the same answer, so a command whose reply was lost is sent again.  A
-- key that is gone (Redis restarted, or evicted it) is adopted by whoever
-- settles or finalizes it: nobody else holds it.  A settled target is recorded
-- even from a holder that has lost the key, because it did take the event.
--
-- A key that is done and has targets for which the event died is given again,
-- for these only.  If that attempt comes to nothing it is done as before.
--
-- KEYS[1] is the key.  ARGV: token, lease, window, targets (the hash of each
-- in 16 digits, one behind the other, or nothing), a hash of the body or
-- nothing.

local call, key = redis.call, KEYS[1]
