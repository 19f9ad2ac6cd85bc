
-- Copyright (C) Event Router contributors


-- SETTLE: targets have their events, or do not want them.  An item: token,
-- event, target, 1 if it is filtered, and what history is told, if there is
-- one.

--#include lib/each.lua
--#include lib/version.lua

-- The events of the items, each with these: their numbers, targets, orders and
-- whether they are filtered, one behind the other.  "left" is how many more
-- targets need it; fields of one letter are the event's own.

local events, looked = {}, {}

local function look(event)
    local row = {event = event, left = 0, k = false, l = false, u = false,
                 w = false}

    for _, field in ipairs(call('HKEYS', base .. 'e:' .. event)) do
        local kind = sub(field, 1, 1)

        if #field == 1 then
            row[field] = true

        elseif #field == 17 and (kind == 'p' or kind == 'd') then
            row.left = row.left + 1

        elseif #field == 18 and kind == 'v' then
            row[field] = true
        end
    end

    looked[event] = row
    events[#events + 1] = row

    return row
end

-- The fields of a pending entry that matter here: it is an array of 13, which
-- is read without the rest and without a table.

local function lease_of(hash, field)
    local state = call('HGET', hash, field)

    if not state then
        return nil
    end

    if string.byte(state) ~= 157 then
        local entry = cmsgpack.unpack(state)

        return entry[EPOCH], entry[HOLDER], entry[TOKEN], entry[ORDER],
               entry[COMMAND]
    end

    local _, epoch, _, _, _, _, owner, token, order, _, command
        = cmsgpack.unpack_limit(state, COMMAND, 1)

    return epoch, owner, token, order, command
end

local function ended(row, target)
    for n = 2, #row, 4 do
        if row[n] == target then
            return true
        end
    end
end

local function settle(i, from)
    local token, event, target, filtered
        = struct.unpack('c16c16c16B', items, from)
    local epoch, owner, mine, order, command
        = lease_of(base .. 'e:' .. event, 'p' .. target)

    if not epoch then
        if drop(target, event) then
            book(target, filtered > 0 and BOOK_FILTERED or BOOK_DELIVERED, 1)
        end

        return '-'
    end

    if owner ~= holder or mine ~= token then
        return '0'
    end

    local row = looked[event] or look(event)

    if ended(row, target) then
        return '-'
    end

    local n = #row

    -- the version first: who finds the entry then finds it as new as that

    if row['v:' .. target] then
        delivered(target, version_of(base .. 'e:' .. event, target))
    end

    row[n + 1], row[n + 2], row[n + 3], row[n + 4] = i, target, order, filtered
    row.left = row.left - 1

    if history then
        row.tells = (row.tells or '') .. tells(from + 49)
    end

    if row.u then
        row.kept = row.kept or {}
        row.kept[#row.kept + 1] = 'o' .. target
        row.kept[#row.kept + 1]
            = done_of(epoch, command,
                   get(base .. 'e:' .. event, 'p' .. target)[ROUTES])
    end

    return '1'
end

-- The event goes when no target needs it and it is not kept.  One that a
-- target has is not new altogether when its key is met again.

local function write(row)
    local hash, lapsed = base .. 'e:' .. row.event, base .. 'w:' .. row.event

    if row.w and call('EXISTS', lapsed) == 1 then
        call('HSET', lapsed, '-', 1)
    end

    if row.left == 0 and not row.u then
        call('DEL', hash)
        return
    end

    if row.kept then
        call('HSET', hash, unpack(row.kept))
    end

    if row.k and not row.l then
        call('HSET', hash, 'l', '1')
    end

    local gone = {}

    for n = 2, #row, 4 do
        gone[#gone + 1] = 'p' .. row[n]

        if not row.u and row['v:' .. row[n]] then
            gone[#gone + 1] = 'v:' .. row[n]
        end
    end

    call('HDEL', hash, unpack(gone))
end

local function file(i, event, target, order, filtered)
    local rows = at(target, 'at', 'list', 'held', 'orders')

    rows.filtered = (rows.filtered or 0) + filtered
    rows.at[#rows.at + 1] = i
    rows.list[#rows.list + 1] = event
    rows.held[#rows.held + 1] = target .. event

    if order ~= '' then
        rows.orders[#rows.orders + 1] = order
        rows.orders[#rows.orders + 1] = event
    end
end

-- One that was taken for lost has been found: it was in hand while somebody
-- deleted the lists.

local function leave_all(rows)
    local target, list = rows.target, rows.list

    call('ZREM', base .. 'f:' .. target, unpack(list))
    call('ZREM', base .. 'a:' .. target, unpack(list))

    local gone = call('ZREM', base .. 'k:' .. target, unpack(list))

    book(target, BOOK_DELIVERED, #list - rows.filtered)

    if rows.filtered > 0 then
        book(target, BOOK_FILTERED, rows.filtered)
    end

    if gone > 0 then
        add(-gone)
    end

    if gone < #list then
        call('HINCRBY', KEYS[1], 'l', gone - #list)
    end

    call('SREM', base .. 'h:' .. holder, unpack(rows.held))

    for n = 1, #rows.orders, 2 do
        call('ZREM', base .. 'g:' .. target .. ':' .. rows.orders[n],
             rows.orders[n + 1])
        release(target, rows.orders[n])
    end
end

tick()
each(function(from) return 49 + telling(from + 49) end, settle)

for _, row in ipairs(events) do
    local ok, err = pcall(write, row)

    if ok and row.tells then
        note(row.event, row.tells)
    end

    for n = 1, #row, 4 do
        if ok then
            file(row[n], row.event, row[n + 1], row[n + 2], row[n + 3])
        else
            failed(row[n], err)
        end
    end
end

each_target(leave_all)
trim()

return {1, now, table.concat(letters), trouble}
