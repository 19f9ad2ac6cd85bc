
-- Copyright (C) Event Router contributors


-- Takes events from the buckets of a source, all of them or none (../bucket.c
-- says by which rule).  A bucket is one number, PREFIX:{r}:SOURCE:KEY with the
-- source's hash and the key in hex: when the event behind those that came is
-- due, in us of Redis's clock, and behind it the interval and the burst of the
-- rate that says so.  It is gone when that is over.  Other nginx, and this one
-- before a reload, may have another rate: then the events that are ahead stay
-- as many, and are no more than the burst.
--
-- Returns 0, or the ms after which to come again.  A command whose reply was
-- lost and that is sent again counts twice, which makes an event come later
-- and loses none.
--
-- KEYS[1] is what the names of the buckets begin with.  ARGV: interval and
-- burst in ns, then for each bucket its key, 32 digits, and how many events,
-- 8 digits of hex, one behind the other.

local SIZE = 40
local DIGITS = 32

local call, keys = redis.call, ARGV[3]
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = ARGV[1] / 1000, ARGV[2] / 1000
local wait = 0

local function ahead(key)
    local due, was, before = string.match(call('GET', key) or '',
        '^(%d+) (%d+) (%d+)$')
    local early = math.max(tonumber(due or 0) - now, 0)

    if early == 0 or was == ARGV[1] and before == ARGV[2] then
        return early
    end

    return math.min(early * ARGV[1] / math.max(was, 1), burst + interval)
end

for i = 1, #keys, SIZE do
    local key = KEYS[1] .. string.sub(keys, i, i + DIGITS - 1)

    wait = math.max(wait, ahead(key) - burst)
end

if wait > 0 then
    return math.ceil(wait / 1000)
end

for i = 1, #keys, SIZE do
    local key = KEYS[1] .. string.sub(keys, i, i + DIGITS - 1)
    local n = tonumber(string.sub(keys, i + DIGITS, i + SIZE - 1), 16)
    local early = ahead(key) + n * interval

    call('SET', key, string.format('%.0f %s %s', now + early, ARGV[1],
        ARGV[2]), 'PX', math.ceil(early / 1000) + 1)
end

return 0
