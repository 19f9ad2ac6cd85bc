
-- Copyright (C) Event Router contributors


-- SETTLE: targets have their events.  An item: token, event, target.

--#include lib/each.lua

-- The events of the items: which fields they have that are the event's own,
-- how many targets need it still, and what is to be written.

local events, known = {}, {}

local function look(event)
    local row = known[event]

    if row then
        return row
    end

    row = {event = event, has = {}, left = 0, kept = {}, gone = {}, items = {},
           ended = {}}

    for _, field in ipairs(call('HKEYS', base .. 'e:' .. event)) do
        local kind = sub(field, 1, 1)

        if #field == 1 then
            row.has[field] = true

        elseif #field == 17 and (kind == 'p' or kind == 'd') then
            row.left = row.left + 1
        end
    end

    known[event] = row
    events[#events + 1] = row

    return row
end

local function settle(i, token, event, target)
    local entry = get(base .. 'e:' .. event, 'p' .. target)

    if not entry then
        drop(target, event)
        return '-'
    end

    if entry[HOLDER] ~= holder or entry[TOKEN] ~= token then
        return '0'
    end

    local row = look(event)

    if row.ended[target] then
        return '-'
    end

    if row.has.u then
        row.kept[#row.kept + 1] = 'o' .. target
        row.kept[#row.kept + 1] = cmsgpack.pack({entry[EPOCH], entry[COMMAND]})
    end

    row.left = row.left - 1
    row.ended[target] = true
    row.gone[#row.gone + 1] = 'p' .. target
    row.items[#row.items + 1] = {at = i, target = target,
                                 order = entry[ORDER]}

    return '1'
end

-- The event goes when no target needs it and it is not kept.  One that a
-- target has is not new altogether when its key is met again.

local function write(row)
    local hash, lapsed = base .. 'e:' .. row.event, base .. 'w:' .. row.event
    local has, kept = row.has, row.kept

    if has.w and call('EXISTS', lapsed) == 1 then
        call('HSET', lapsed, '-', 1)
    end

    if row.left == 0 and not has.u then
        call('DEL', hash)
        return
    end

    if has.k and not has.l then
        kept[#kept + 1] = 'l'
        kept[#kept + 1] = 1
    end

    if #kept > 0 then
        call('HSET', hash, unpack(kept))
    end

    call('HDEL', hash, unpack(row.gone))
end

local function file(item, event)
    local rows = at(item.target, 'at', 'list', 'held', 'orders')

    rows.at[#rows.at + 1] = item.at
    rows.list[#rows.list + 1] = event
    rows.held[#rows.held + 1] = item.target .. event

    if item.order ~= '' then
        rows.orders[#rows.orders + 1] = {item.order, event}
    end
end

-- One that was taken for lost has been found: it was in hand while somebody
-- deleted the lists.

local function leave_all(rows)
    local target, list = rows.target, rows.list

    call('ZREM', base .. 'f:' .. target, unpack(list))
    call('ZREM', base .. 'a:' .. target, unpack(list))

    local gone = call('ZREM', base .. 'k:' .. target, unpack(list))

    if gone > 0 then
        add(-gone)
    end

    if gone < #list then
        call('HINCRBY', KEYS[1], 'l', gone - #list)
    end

    call('SREM', base .. 'h:' .. holder, unpack(rows.held))

    for _, order in ipairs(rows.orders) do
        call('ZREM', base .. 'g:' .. target .. ':' .. order[1], order[2])
        release(target, order[1])
    end
end

tick()
each('>c16c16c16', settle)

for _, row in ipairs(events) do
    local ok, err = pcall(write, row)

    for _, item in ipairs(row.items) do
        if ok then
            file(item, row.event)
        else
            failed(item.at, err)
        end
    end
end

each_target(leave_all)

return {1, now, table.concat(letters), trouble}
