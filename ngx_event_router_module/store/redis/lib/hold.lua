
-- Copyright (C) Event Router contributors


-- An entry that waits, in nobody's hand, is held, or let go.  One that is
-- blocked is due never in its list in any case.

--#include lib/lists.lua

local function file_at(list, event, due)
    if call('ZSCORE', list, event) ~= 'inf' then
        call('ZADD', list, due, event)
    end
end

local function hold(hash, target, event, entry, source)
    hold_flag(entry, true)

    call('ZADD', base .. 'q:' .. source, now, target .. event)
    set(hash, 'p' .. target, entry)
    file_at(class(entry) .. target, event, score(entry))
end

-- it is as old as it was when it was held

local function let_go(hash, target, event, entry, source, since)
    hold_flag(entry, false)
    entry[ACCEPTED] = entry[ACCEPTED] + math.max(now - since, 0)

    set(hash, 'p' .. target, entry)
    file_at(class(entry) .. target, event, entry[DUE])
    call('ZREM', base .. 'q:' .. source, target .. event)
end
