
-- Copyright (C) Event Router contributors


-- ACCEPT: events, and for each of them an entry for each of its targets.
-- Returns {1, now, an answer an event ...}, which is one text:
--
--     1 EVENT LEASED          accepted; a digit a part: 1, it is leased
--     0 EVENT DIFFERS         a duplicate; 1: of another body
--     2 EVENT DIFFERS TARGET LENGTH NAME ...
--                             started again, for these; 4 digits of length
--     3 EVENT                 nothing was done: the record is to be sealed for
--                             this number; zeros: for any other one
--
-- without blanks, or an error, which is this event's alone.  A 2 instead of
-- the 1 of a part that is leased: there is no entry, a newer version was
-- delivered; a 3: it is held, its source is paused.  What the events have
-- overtaken stands behind their answers.

--#include lib/late.lua
--#include lib/many.lua
--#include lib/new.lua
--#include lib/history.lua
--#include lib/version.lua

local holder, shards, shard = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local items = ARGV[7]

local UNSEALED = '0000000000000000'

if late(ARGV[5], ARGV[6]) then
    return {-2, now}
end

-- What events of a source and a route have alike: a form, which is read once.
-- Behind it stand their parts: target, order (none: zeros), delay, 1 to lease
-- it, its name, its routes and its version (none: empty).

local forms = {}

local function read(list)
    local window, retain, lease, guard, source, i
        = struct.unpack('>I8I8I8Bc16', list)
    local parts, ordered = {}, false

    while i <= #list do
        local target, order, delay, leased, name, routes, brings, last
            = struct.unpack('>c16c16I8BI2c0I2c0Bc0', list, i)

        if order == '0000000000000000' then
            order = ''
        else
            ordered = true
        end

        parts[#parts + 1] = {target = target, order = order, delay = delay,
                             lease = leased == 1, name = name, routes = routes,
                             version = brings ~= '' and order .. brings}
        i = last
    end

    forms[list] = {window = window, retain = retain, lease = lease,
                   guard = guard, source = source, parts = parts,
                   ordered = ordered, held = paused(source)}

    return forms[list]
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

-- what the events need in memory, about

local function bytes()
    local n = 0

    for i = 7, #ARGV do
        n = n + 2 * #ARGV[i] + 1024
    end

    return n
end

local function numbers(n)
    local ms, count = unpack(call('HMGET', KEYS[1], 's', 'c'))
    local list = {}

    ms, count = tonumber(ms or 0), tonumber(count or 0)

    for i = 1, 2 * n, 2 do
        ms, count = count_on(ms, count)
        list[i], list[i + 1] = ms, count
    end

    local function take(run)
        return run('HSET', KEYS[1], 't', stamp, 'w', walled,
                   's', ms == now and stamp or ms, 'c', count)
    end

    local refused = take(history and redis.pcall or call)

    if type(refused) == 'table' then
        if string.find(refused.err, 'OOM', 1, true) then
            give_way(bytes())
        end

        take(call)
    end

    return list
end

local number = numbers(#ARGV - 7)

-- the event that is looked at

local form, token, nonce, sealed, key, record, body, known, mark, tells
local parts, window, source, guard, recorded

local function met(old)
    --#include lib/repeat.lua

    return meet(old)
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

    -- before they are pending: what fails from here on is found and pending

    book(target, BOOK_ACCEPTED, #rows.all / 2)
    add(call('ZADD', base .. 'k:' .. target, unpack(rows.all)))
    call('HSETNX', base .. 't', target, rows.name)
end

local function failed(list, bad)
    for _, part in ipairs(list) do
        if bad[part.target] then
            return bad[part.target]
        end
    end
end

local function finish()
    local bad

    for _, rows in ipairs(targets) do
        local ok, err = pcall(enter_all, rows)

        if not ok then
            bad = bad or {}
            bad[rows.target] = fault(err)
        end
    end

    file_begun()

    for _, event in ipairs(fresh) do
        local err = bad and failed(event.parts, bad)

        if err then
            out[event.at] = err
            unrecord({event.event})

        elseif event.value then
            call('SET', event.mark, event.value, 'PX', event.ms)
        end
    end

    filed, targets, fresh, marks = {}, {}, {}, {}
end

-- one that waits for no other one

local function file(part, event)
    local rows = at(part.target, 'leased', 'held', 'free', 'all')
    local list = rows.free

    if part.lease then
        list = rows.leased
        rows.held[#rows.held + 1] = part.target .. event
    end

    list[#list + 1] = part.due
    list[#list + 1] = event
    rows.all[#rows.all + 1] = '0'
    rows.all[#rows.all + 1] = event
    rows.name = part.name
end

-- The fields of an event whose parts wait for no other one are the same for
-- all events of a form and a ms, but for its record and its tokens.  An entry
-- is packed as set() does it, an array of 13, but in pieces: that is a tenth
-- of the work.

local function plan(ms)
    local fields = {'r', '', 's', source}
    local list, seen, leased = {}, {}, ''

    if key ~= '' then
        fields[5], fields[6] = 'k', string.format('%.0f', now + window)
    end

    if form.retain > 0 then
        fields[#fields + 1] = 'u'
        fields[#fields + 1] = now + form.retain
    end

    for _, part in ipairs(parts) do
        local target, mine = part.target, part.lease and not seen[part.target]

        if not seen[target] then
            local due = now + (mine and form.lease or part.delay)
            local head = '\157' .. cmsgpack.pack(0, 0, 0, ms, due,
                                                 mine and holder or '')
            local tail = cmsgpack.pack('', guard, '', '', part.name,
                                       part.routes)

            fields[#fields + 1] = 'p' .. target
            fields[#fields + 1] = head .. '\160' .. tail
            list[#list + 1] = {target = target, name = part.name, lease = mine,
                               due = string.format('%.0f', due),
                               head = head .. '\176', tail = tail,
                               at = #fields}
            seen[target] = true
        end

        leased = leased .. (mine and '1' or '0')
    end

    form.plan = {ms = ms, keyed = key ~= '', fields = fields, list = list,
                 leased = leased}
end

local function append(event, hash, ms)
    local p = form.plan

    if not p or p.ms ~= ms or p.keyed ~= (key ~= '') then
        plan(ms)
        p = form.plan
    end

    p.fields[2] = record

    for _, part in ipairs(p.list) do
        if part.lease then
            p.fields[part.at] = part.head .. token .. part.tail
        end
    end

    call('HSET', hash, unpack(p.fields))

    for _, part in ipairs(p.list) do
        file(part, event)
    end

    return p.leased
end

-- one behind the other, as others may wait for it, or as they are held

local function append_ordered(event, hash, ms)
    local seen, leased, stale, entered = {}, '', false, form.retain > 0

    call('HSET', hash, 'r', record, 's', source)

    if key ~= '' then
        call('HSET', hash, 'k', now + window)
    end

    if form.retain > 0 then
        call('HSET', hash, 'u', now + form.retain)
    end

    for _, part in ipairs(parts) do
        local target, digit = part.target, '0'
        local v = not seen[target] and part.version
                  and version(part.version)

        if v and overtaken(target, v) then
            digit, stale = '2', true
            book(target, BOOK_ACCEPTED, 1)
            book(target, BOOK_STALE, 1)
            step(event, target, TOLD_STALE)

        elseif not seen[target] then
            if v and v.coalesce then
                coalesce(target, part.order, v)
            end

            local entry = new(0, ms, now + part.delay, part.order, guard, '',
                              part.name, part.routes)

            if form.held then
                hold_flag(entry, true)
                digit = '3'

            elseif part.lease
               and (part.order == '' or release(target, part.order))
            then
                entry[DUE] = now + form.lease
                entry[HOLDER] = holder
                entry[TOKEN] = token
                digit = '1'
            end

            if v then
                call('HSET', hash, 'v:' .. target, part.version)
            end

            set(hash, 'p' .. target, entry)
            enter(target, event, entry, BOOK_ACCEPTED)
            entered = true
        end

        seen[target] = true
        leased = leased .. digit
    end

    if not entered then
        call('DEL', hash)

    elseif stale and key ~= '' then
        call('HSET', hash, 'l', '1')
    end

    return leased
end

local function accept(i, ms, count)
    mark = base .. (key == '' and 'n:' .. nonce or 'd:' .. key)

    if marks[mark] then
        finish()
    end

    local old = call('GET', mark)

    if old then
        local answer = met(old)

        if answer then
            return answer
        end

    elseif known == 1 then
        return '0000000000000000' .. '00'
    end

    local event = string.format('%011x%05x', ms, count)

    -- a record that is sealed has its number already

    if sealed ~= UNSEALED then
        event = sealed

        if math.abs(tonumber(sub(event, 1, 11), 16) - now) > 60000
           or call('EXISTS', base .. 'e:' .. event) == 1
        then
            return '3' .. UNSEALED
        end
    end

    local hash, leased = base .. 'e:' .. event, ''

    recorded = event
    begin(event, tells)

    if #parts > 0 or form.retain > 0 then
        leased = ((form.ordered or form.held) and append_ordered
                  or append)(event, hash, ms)
    end

    if form.retain > 0 then
        call('ZADD', base .. 'u', now + form.retain, event)
        call('ZADD', base .. 'r:' .. source, 0, event)
    end

    local row = {at = i, parts = parts, mark = mark, event = event}

    if key == '' then
        row.value, row.ms = event .. nonce, '60000'

    elseif window > 0 then
        row.value, row.ms = event .. nonce .. body, window
    end

    fresh[#fresh + 1], marks[mark] = row, true

    return '1' .. event .. leased
end

local from, packed, last = 1, nil, nil

for i = 1, #ARGV - 7 do
    token, nonce, sealed, body, known, key, packed, from
        = struct.unpack('>c16c16c16c16BBc0I4c0', items, from)

    tells = ''

    if history then
        tells, from = struct.unpack('>I4c0', items, from)
    end

    nonce, record = holder .. nonce, ARGV[7 + i]

    if packed ~= last then
        form, last = forms[packed] or read(packed), packed
        parts, window = form.parts, form.window
        source, guard = form.source, form.guard
    end

    recorded = nil

    local ok, answer = pcall(accept, i + 2, number[2 * i - 1], number[2 * i])

    if not ok and recorded then
        file_begun()
        unrecord({recorded})
    end

    out[i + 2] = ok and answer or fault(answer)
end

finish()
trim()

return with_ended(out)
