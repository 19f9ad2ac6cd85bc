
-- Copyright (C) Event Router contributors


-- RETRY: due again after a delay, with or without an attempt that failed.  An
-- item: token, event, target, the delay, the doubt, what came of the attempt,
-- and which calls are made; then what history is told if there is one.

--#include lib/each.lua
--#include lib/tried.lua
--#include lib/calls.lua

local function size(from)
    local n = 58 + string.byte(items, from + 57)

    n = n + 2 + struct.unpack('>I2', items, from + n)

    return n + telling(from + n)
end

local function retry(i, from)
    local token, event, target, delay, unsure, past, calls
        = struct.unpack('>c16c16c16I8BBc0I2c0', items, from)
    local hash = base .. 'e:' .. event
    local entry = get(hash, 'p' .. target)

    if not entry then
        lost(target, event)
        return '-'
    end

    if entry[TOKEN] ~= token or entry[HOLDER] ~= holder then

        -- it was sent twice

        return entry[HOLDER] == '' and entry[TOKEN] == token and '1' or '0'
    end

    tried(entry, past)
    doubt(entry, unsure)
    called(entry, calls)

    entry[DUE] = now + delay
    entry[HOLDER] = ''

    set(hash, 'p' .. target, entry)
    note(event, tells(from + 60 + #past + #calls))

    local rows = at(target, 'at', 'f', 'a', 'gone', 'all', 'held')
    local made = class(entry) == base .. 'a:'
    local list = made and rows.a or rows.f

    list[#list + 1] = entry[DUE]
    list[#list + 1] = event

    if not made then
        rows.gone[#rows.gone + 1] = event
    end

    rows.at[#rows.at + 1] = i
    rows.all[#rows.all + 1] = 0
    rows.all[#rows.all + 1] = event
    rows.held[#rows.held + 1] = target .. event

    return '1'
end

local function back(rows)
    local target = rows.target

    if #rows.a > 0 then
        call('ZADD', base .. 'a:' .. target, unpack(rows.a))
    end

    if #rows.f > 0 then
        call('ZADD', base .. 'f:' .. target, unpack(rows.f))
        call('ZREM', base .. 'a:' .. target, unpack(rows.gone))
    end

    call('SREM', base .. 'h:' .. holder, unpack(rows.held))

    -- somebody deleted the list, and the entries were taken for lost

    local found = call('ZADD', base .. 'k:' .. target, unpack(rows.all))

    if found > 0 then
        add(found)
        call('HINCRBY', KEYS[1], 'l', -found)
    end
end

tick()
each(size, retry)
each_target(back)
trim()

return {1, now, table.concat(letters), trouble}
