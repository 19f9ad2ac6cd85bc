
-- Copyright (C) Event Router contributors


-- Versions: which one of a key an entry brings, and which one was delivered
-- last.  What file/version.c and file/done.c say holds here, too.
--
-- The field v:TARGET of an event is order, coalesce, window, key and the
-- version's own bytes.  It stays as long as the event needs it, also of a dead
-- letter, and of an event that is kept.  The key o:TARGET:KEY:KIND is the
-- highest version that was delivered; Redis forgets it when its window is
-- over.

--#include lib/over.lua
--#include lib/lists.lua
--#include lib/history.lua

local COALESCE = 256

local function version(text)
    local order, coalesce, window, key, from
        = struct.unpack('>c16BI8c32', text)

    return {order = order, coalesce = coalesce == 1, window = window,
            key = key, bytes = sub(text, from)}
end

local function version_of(hash, target)
    local text = call('HGET', hash, 'v:' .. target)
    return text and version(text)
end

-- byte by byte, as memcmp() does: how Redis compares texts depends on where it
-- runs

local function before(a, b)
    for i = 1, math.min(#a, #b) do
        local x, y = string.byte(a, i), string.byte(b, i)

        if x ~= y then
            return x < y
        end
    end

    return #a < #b
end

local function mark_of(target, v)
    return base .. 'o:' .. target .. ':' .. v.key .. ':'
           .. string.byte(v.bytes)
end

local function overtaken(target, v)
    local highest = call('GET', mark_of(target, v))
    return highest and before(v.bytes, highest)
end

local function delivered(target, v)
    local name = mark_of(target, v)
    local highest = call('GET', name)

    if not highest or before(highest, v.bytes) then
        highest = v.bytes
    end

    call('SET', name, highest, 'PX', v.window)
end

-- what was overtaken, for the reply: s, or c if it waited, target, event

local ended = {}

local function tell(kind, target, event)
    ended[#ended + 1] = kind .. target .. event
end

-- the target does not need the event any more, as if it had it

local function known(hash, target, event, epoch, command, routes)
    local key, taken, kept, lapsed
        = unpack(call('HMGET', hash, 'k', 'l', 'u', 'w'))

    if lapsed and call('EXISTS', base .. 'w:' .. event) == 1 then
        call('HSET', base .. 'w:' .. event, '-', 1)
    end

    if key and not taken then
        call('HSET', hash, 'l', '1')
    end

    if kept then
        call('HSET', hash, 'o' .. target, done_of(epoch, command, routes))
    else
        call('HDEL', hash, 'v:' .. target)
    end
end

local function retire(kind, hash, target, event, entry)
    book(target, kind == 's' and BOOK_STALE or BOOK_COALESCED, 1)
    known(hash, target, event, entry[EPOCH], entry[COMMAND], entry[ROUTES])
    call('HDEL', hash, 'p' .. target)
    leave(target, event, entry)
    over(hash)
    tell(kind, target, event)
    step(event, target, kind == 's' and TOLD_STALE or TOLD_COALESCED)
end

-- in hand, or in doubt: the target may be at work on it, so that what is newer
-- must not be sent before that is known

local function begun(entry)
    return entry[HOLDER] ~= '' or entry[GUARD] >= DOUBT_ONE
           or entry[CRASHES] > 0
end

-- entries of the key that wait and were not begun, if they are lesser

local function coalesce(target, order, v)
    for _, event in ipairs(call('ZRANGE', base .. 'g:' .. target .. ':'
                                          .. order, 0, COALESCE - 1))
    do
        local hash = base .. 'e:' .. event
        local entry = get(hash, 'p' .. target)
        local old = entry and not begun(entry) and version_of(hash, target)

        if old and old.key == v.key
           and string.byte(old.bytes) == string.byte(v.bytes)
           and before(old.bytes, v.bytes)
        then
            retire('c', hash, target, event, entry)
        end
    end
end

local function with_ended(out)
    if #ended > 0 then
        out[#out + 1] = table.concat(ended)
    end

    return out
end
