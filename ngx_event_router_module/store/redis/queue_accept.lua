
-- Copyright (C) Event Router contributors


-- ACCEPT: an event, and an entry for each of its targets.  Returns {1, now,
-- event, leased}, where leased is a digit a part; a duplicate {0, now, event,
-- differs}; or, if it was started again, {2, now, event, differs, targets and
-- their names ...}.

--#include lib/late.lua
--#include lib/lists.lua
--#include lib/new.lua

local holder, token, nonce, key = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local window, record, source = tonumber(ARGV[6]), ARGV[7], ARGV[8]
local retain, guard, lease = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local shards, shard = tonumber(ARGV[12]), tonumber(ARGV[13])
local body, known, packed = ARGV[14], ARGV[15], ARGV[16]

if late(ARGV[17], ARGV[18]) then
    return {-2, now}
end

-- A part: target, order (none: zeros), delay, 16 digits each; 1 to lease it;
-- the lengths of its name and its routes, 4 digits each; these.

local function read(list)
    local parts, i = {}, 1

    while i <= #list do
        local order = sub(list, i + 16, i + 31)
        local name = i + 57
        local routes = name + tonumber(sub(list, i + 49, i + 52), 16)
        local last = routes + tonumber(sub(list, i + 53, i + 56), 16)

        parts[#parts + 1] = {
            target = sub(list, i, i + 15),
            order = order == '0000000000000000' and '' or order,
            delay = tonumber(sub(list, i + 32, i + 47), 16),
            lease = sub(list, i + 48, i + 48) == '1',
            name = sub(list, name, routes - 1),
            routes = sub(list, routes, last - 1)
        }

        i = last
    end

    return parts
end

local parts = read(packed)
local mark = base .. 'n:' .. nonce

if key ~= '' then
    mark = base .. 'd:' .. key
end

local old = call('GET', mark)

call('HSET', KEYS[1], 't', now, 'w', wall)

--#include lib/repeat.lua

-- it was sent twice: what the first one did

if old and sub(old, 17, 48) == nonce then
    local event, leased = sub(old, 1, 16), ''

    if #old > 64 then
        return told(event, 0, sub(old, 65))
    end

    for _, part in ipairs(parts) do
        local entry = get(base .. 'e:' .. event, 'p' .. part.target)
        local mine = entry and entry[HOLDER] == holder
                     and entry[TOKEN] == token

        leased = leased .. (mine and '1' or '0')
    end

    return {1, now, event, leased}
end

if old then
    local out = again(sub(old, 1, 16), sub(old, 49, 64))

    if out then
        return out
    end

elseif known == '1' then
    return {0, now, NONE, 0}
end

-- A number: 11 digits of ms and 5 of a count, which modulo the number of
-- shards is this one.  It grows even if the clock stands still.

local before, count = unpack(call('HMGET', KEYS[1], 's', 'c'))
local ms = now

if tonumber(before or 0) >= now then
    ms, count = tonumber(before), tonumber(count) + shards

    if count >= 1048576 then
        ms, count = ms + 1, shard
    end

else
    count = shard
end

call('HSET', KEYS[1], 's', ms, 'c', count)

local event = string.format('%011x%05x', ms, count)
local hash = base .. 'e:' .. event

if #parts > 0 or retain > 0 then
    call('HSET', hash, 'r', record, 's', source)

    if key ~= '' then
        call('HSET', hash, 'k', now + window)
    end
end

if retain > 0 then
    call('HSET', hash, 'u', now + retain)
    call('ZADD', base .. 'u', now + retain, event)
    call('ZADD', base .. 'r:' .. source, 0, event)
end

local seen, leased = {}, ''

for _, part in ipairs(parts) do
    local target = part.target
    local mine = part.lease and not seen[target]
                 and (part.order == '' or release(target, part.order))

    if not seen[target] then
        local entry = new(0, ms, now + part.delay, part.order, guard, '',
                          part.name, part.routes)

        if mine then
            entry[DUE] = now + tonumber(lease)
            entry[HOLDER] = holder
            entry[TOKEN] = token
        end

        set(hash, 'p' .. target, entry)
        enter(target, event, entry)
    end

    seen[target] = true
    leased = leased .. (mine and '1' or '0')
end

-- the last step: from now on the event is known

if key == '' then
    call('SET', mark, event .. nonce, 'PX', 60000)

elseif window > 0 then
    call('SET', mark, event .. nonce .. body, 'PX', window)
end

return {1, now, event, leased}
