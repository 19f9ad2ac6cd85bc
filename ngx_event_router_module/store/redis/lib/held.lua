
-- Copyright (C) Event Router contributors


-- Entries of sources that are paused.  One that is held has a bit in GUARD and
-- is in its list with a time that never comes, its own and FAR, so that the
-- lists have all entries and LEASE finds it in none of them.  It is in the
-- zset q:SOURCE, too, with the time since when.
--
-- "holds" of the script's head are the sources that are paused, one behind the
-- other: who would give an entry away looks there.

--#include lib/entry.lua

local HELD = 2
local FAR = 200000000000000

local function paused(source)
    return holds ~= '' and string.find(holds, source, 1, true) ~= nil
end

local function is_held(entry)
    return entry[GUARD] % (2 * HELD) >= HELD
end

local function hold_flag(entry, on)
    if is_held(entry) ~= on then
        entry[GUARD] = entry[GUARD] + (on and HELD or -HELD)
    end
end

-- where it stands in its list

local function score(entry)
    return is_held(entry) and FAR + entry[DUE] or entry[DUE]
end

local function held_list(event)
    local source = call('HGET', base .. 'e:' .. event, 's')
    return base .. 'q:' .. (source or '')
end

-- it ends, or leaves its target

local function unhold(target, event, entry)
    if is_held(entry) then
        call('ZREM', held_list(event), target .. event)
        hold_flag(entry, false)
    end
end
