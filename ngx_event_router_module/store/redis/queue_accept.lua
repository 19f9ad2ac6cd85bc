
-- Copyright (C) Event Router contributors


-- ACCEPT: events, and for each of them an entry for each of its targets.
-- Returns {1, now, an answer an event ...}, which is one text:
--
--     1 EVENT LEASED          accepted; a digit a part: 1, it is leased
--     0 EVENT DIFFERS         a duplicate; 1: of another body
--     2 EVENT DIFFERS TARGET LENGTH NAME ...
--                             started again, for these; 4 digits of length
--
-- without blanks, or an error, which is this event's alone.

--#include lib/late.lua
--#include lib/many.lua
--#include lib/new.lua

local holder, shards, shard = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local items = ARGV[7]

if late(ARGV[5], ARGV[6]) then
    return {-2, now}
end

-- What events of a source and a route have alike, behind it their parts:
-- target, order (none: zeros), delay, 1 to lease it, its name and its routes.

local forms = {}

local function read(list)
    local form = forms[list]

    if form then
        return unpack(form)
    end

    local window, retain, lease, guard, source, i
        = struct.unpack('>I8I8I8Bc16', list)
    local parts = {}

    while i <= #list do
        local target, order, delay, lease, name, routes, last
            = struct.unpack('>c16c16I8BI2c0I2c0', list, i)

        parts[#parts + 1] = {
            target = target,
            order = order == '0000000000000000' and '' or order,
            delay = delay,
            lease = lease == 1,
            name = name,
            routes = routes
        }

        i = last
    end

    forms[list] = {window, retain, lease, guard, source, parts}

    return unpack(forms[list])
end

-- A number: 11 digits of ms and 5 of a count, which modulo the number of
-- shards is this one.  It grows even if the clock stands still.  As many as
-- there are events are taken, before anything is written with them.

local function count_on(ms, count)
    if ms < now then
        return now, shard
    end

    if count + shards >= 1048576 then
        return ms + 1, shard
    end

    return ms, count + shards
end

local function numbers(n)
    local ms, count = unpack(call('HMGET', KEYS[1], 's', 'c'))
    local list = {}

    ms, count = tonumber(ms or 0), tonumber(count or 0)

    for i = 1, n do
        ms, count = count_on(ms, count)
        list[i] = {ms, count}
    end

    call('HSET', KEYS[1], 't', now, 'w', wall, 's', ms, 'c', count)

    return list
end

local number = numbers(#ARGV - 7)

-- the event that is looked at

local token, nonce, key, window, record, source, retain, guard, lease, body
local known, parts, mark

--#include lib/repeat.lua

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

        leased = leased .. (mine and '1' or '0')
    end

    return '1' .. event .. leased
end

-- What is there and not known yet.  Its lists come first, then its key: from
-- then on the event is known.

local out = {1, now}
local fresh, marks = {}, {}

local function enter_all(rows)
    local target = rows.target

    if #rows.leased > 0 then
        call('ZADD', base .. 'a:' .. target, unpack(rows.leased))
        call('SADD', base .. 'h:' .. holder, unpack(rows.held))
    end

    if #rows.free > 0 then
        call('ZADD', base .. 'f:' .. target, unpack(rows.free))
    end

    add(call('ZADD', base .. 'k:' .. target, unpack(rows.all)))
    call('HSETNX', base .. 't', target, rows.name)
end

local function finish()
    local bad = {}

    for _, rows in ipairs(targets) do
        local ok, err = pcall(enter_all, rows)

        if not ok then
            bad[rows.target] = fault(err)
        end
    end

    for _, event in ipairs(fresh) do
        local err

        for _, part in ipairs(event.parts) do
            err = err or bad[part.target]
        end

        if err then
            out[event.at] = err

        elseif event.value then
            call('SET', event.mark, event.value, 'PX', event.ms)
        end
    end

    filed, targets, fresh, marks = {}, {}, {}, {}
end

local function file(target, event, entry)
    local rows = at(target, 'leased', 'held', 'free', 'all')
    local list = rows.free

    if entry[HOLDER] ~= '' then
        list = rows.leased
        rows.held[#rows.held + 1] = target .. event
    end

    list[#list + 1] = entry[DUE]
    list[#list + 1] = event
    rows.all[#rows.all + 1] = 0
    rows.all[#rows.all + 1] = event
    rows.name = entry[NAME]
end

local function append(i, event, ms)
    local hash = base .. 'e:' .. event
    local fields = {'r', record, 's', source}
    local entries, seen, leased, ordered = {}, {}, '', false

    if key ~= '' then
        fields[5], fields[6] = 'k', now + window
    end

    if retain > 0 then
        fields[#fields + 1] = 'u'
        fields[#fields + 1] = now + retain
    end

    for n, part in ipairs(parts) do
        local target = part.target
        local mine = part.lease and not seen[target]
                     and (part.order == '' or release(target, part.order))

        if not seen[target] then
            local entry = new(0, ms, now + part.delay, part.order, guard, '',
                              part.name, part.routes)

            if mine then
                entry[DUE] = now + lease
                entry[HOLDER] = holder
                entry[TOKEN] = token
            end

            fields[#fields + 1] = 'p' .. target
            fields[#fields + 1] = cmsgpack.pack(entry)
            entries[n] = entry
            ordered = ordered or part.order ~= ''
        end

        seen[target] = true
        leased = leased .. (mine and '1' or '0')
    end

    if #parts > 0 or retain > 0 then
        call('HSET', hash, unpack(fields))
    end

    if retain > 0 then
        call('ZADD', base .. 'u', now + retain, event)
        call('ZADD', base .. 'r:' .. source, 0, event)
    end

    for n, part in ipairs(parts) do
        if entries[n] and ordered then
            enter(part.target, event, entries[n])

        elseif entries[n] then
            file(part.target, event, entries[n])
        end
    end

    local row = {at = i, parts = parts, mark = mark}

    if key == '' then
        row.value, row.ms = event .. nonce, 60000

    elseif window > 0 then
        row.value, row.ms = event .. nonce .. body, window
    end

    fresh[#fresh + 1], marks[mark] = row, true

    return '1' .. event .. leased
end

local function accept(i, number)
    mark = base .. (key == '' and 'n:' .. nonce or 'd:' .. key)

    if marks[mark] then
        finish()
    end

    local old = call('GET', mark)

    if old and sub(old, 17, 48) == nonce then
        return twice(old)
    end

    if old then
        local answer = again(sub(old, 1, 16), sub(old, 49, 64))

        if answer then
            return answer
        end

    elseif known == 1 then
        return '0' .. NONE .. '0'
    end

    return append(i, string.format('%011x%05x', number[1], number[2]),
                  number[1])
end

local from = 1

for i = 1, #number do
    local packed, ok, answer

    token, nonce, body, known, key, packed, from
        = struct.unpack('>c16c16c16BBc0I4c0', items, from)

    window, retain, lease, guard, source, parts = read(packed)
    nonce, record = holder .. nonce, ARGV[7 + i]
    ok, answer = pcall(accept, i + 2, number[i])
    out[i + 2] = ok and answer or fault(answer)
end

finish()

return out
