
-- Copyright (C) Event Router contributors


-- ACCEPT of an event whose key is known: what file/repeat.c says of it holds
-- here, too.  It goes on from the locals of queue_accept.lua.
--
-- meet() returns the answer to it, or nil: the event is new all the same.
-- "was" is the hash of the first body.  What has lapsed starts anew among the
-- parts, then what is dead; none of it is leased.

--#include lib/new.lua
--#include lib/calls.lua
--#include lib/forget.lua
--#include lib/heard.lua

local NONE = '0000000000000000'

local EXHAUSTED = 1
local FINAL = 2
local IN_DOUBT = 7

-- "list" are the targets for which the event was started again

local function told(event, differs, list)
    local answer = '2' .. event .. differs

    for i = 1, #list, 16 do
        local target = sub(list, i, i + 15)
        local name = call('HGET', base .. 't', target) or ''

        answer = answer .. target .. string.format('%04x', #name) .. name
    end

    return answer
end

local function put(hash, event, target, entry)
    local v = entry[ORDER] ~= '' and version_of(hash, target)

    if v and v.coalesce then
        coalesce(target, v.order, v)
    end

    set(hash, 'p' .. target, entry)
    enter(target, event, entry, BOOK_REPLAYED)
end

-- a target that no nginx has any more is an operator's

local function nobodys(target)
    local nodes = call('ZRANGE', base .. 'heard', 0, -1)

    return #nodes > 0 and not heard_of(target, nodes)
end

-- what is pending or dead, and the targets of dead letters

local function present(hash)
    local left, dead = 0, {}

    for _, field in ipairs(call('HKEYS', hash)) do
        if #field == 17 then
            local kind = sub(field, 1, 1)

            if kind ~= 'o' then
                left = left + 1
            end

            if kind == 'd' then
                dead[#dead + 1] = sub(field, 2)
            end
        end
    end

    return left, dead
end

-- the parts whose dead letters were forgotten get the event as it comes now,
-- unless the first one is still there; whether they were in doubt is forgotten

local function revive(hash, event, lapsed)
    local list = ''

    for _, part in ipairs(parts) do
        local target = part.target
        local epoch = lapsed[target]

        if epoch then
            if call('HEXISTS', hash, 'r') == 0 then
                call('HSET', hash, 'r', record, 's', source, 'l', 1)
            end

            if part.version then
                call('HSET', hash, 'v:' .. target, part.version)
            end

            put(hash, event, target,
                new(epoch + 1, now, now + part.delay, part.order,
                    guard + DOUBT_ONE, '', part.name, part.routes))

            step(event, target, TOLD_REDELIVERED, 0, part.name)
            call('HDEL', base .. 'w:' .. event, target)
            call('HSET', hash, 'w', 1)

            lapsed[target] = nil
            list = list .. target
        end
    end

    return list
end

-- the record would be kept, and is sealed for another number

local function foreign(hash, event, lapsed)
    if sealed == NONE or sealed == event or call('HEXISTS', hash, 'r') == 1
    then
        return false
    end

    for _, part in ipairs(parts) do
        if lapsed[part.target] then
            return true
        end
    end

    return false
end

-- a newer version of it was delivered: it stays dead

local function old_news(hash, target, dead)
    local v = dead[ORDER] ~= '' and version_of(hash, target)
    return v and overtaken(target, v)
end

local function resume(hash, event, targets)
    local list = ''

    for _, target in ipairs(targets) do
        local dead = get(hash, 'd' .. target)
        local reason = dead[REASON]

        if (reason == EXHAUSTED or reason == FINAL or reason == IN_DOUBT)
           and not nobodys(target)
           and call('HEXISTS', hash, 'p' .. target) == 0
           and not old_news(hash, target, dead)
        then
            local entry = new(dead[EPOCH] + 1, now, now, dead[ORDER],
                              doubtful(dead), '', dead[NAME], dead[ROUTES])

            calls_again(entry, dead)
            put(hash, event, target, entry)

            forget(hash, target, event, BOOK_DEAD_REPLAYED)
            call('HDEL', hash, 'o' .. target)
            step(event, target, TOLD_REDELIVERED, 0, dead[NAME])

            list = list .. target
        end
    end

    return list
end

local function again(event, was)
    local hash, forgotten = base .. 'e:' .. event, base .. 'w:' .. event
    local rows, lapsed = call('HGETALL', forgotten), {}

    for i = 1, #rows, 2 do
        lapsed[rows[i]] = tonumber(rows[i + 1])
    end

    local left, dead = present(hash)

    if #parts > 0 and left == 0 and #rows > 0 and not lapsed['-']
       and call('HEXISTS', hash, 'l') == 0
    then
        call('DEL', forgotten)
        return nil
    end

    if foreign(hash, event, lapsed) then
        return '3' .. event
    end

    local list = revive(hash, event, lapsed) .. resume(hash, event, dead)
    local differs = 0

    if was == '' then
        was = NONE
    end

    if body ~= NONE and was ~= NONE and body ~= was then
        differs = 1
    end

    if list == '' then
        return '0' .. event .. differs
    end

    if window > 0 then
        if call('HEXISTS', hash, 'k') == 0 then
            call('HSET', hash, 'l', 1)
        end

        call('HSET', hash, 'k', now + window)
        call('PEXPIRE', forgotten, window)
        call('SET', mark, event .. nonce .. was .. list, 'PX', window)
    end

    return told(event, differs, list)
end

-- it was sent twice: what the first one did

local function twice(old)
    local event, leased = sub(old, 1, 16), ''

    if #old > 64 then
        return told(event, 0, sub(old, 65))
    end

    for _, part in ipairs(parts) do
        local entry = get(base .. 'e:' .. event, 'p' .. part.target)
        local mine = entry and entry[HOLDER] == holder
                     and entry[TOKEN] == token
        local stale = not entry and part.version
                      and overtaken(part.target, version(part.version))

        leased = leased .. (mine and '1' or stale and '2' or '0')
    end

    return '1' .. event .. leased
end

local function meet(old)
    if sub(old, 17, 48) == nonce then
        return twice(old)
    end

    return again(sub(old, 1, 16), sub(old, 49, 64))
end
