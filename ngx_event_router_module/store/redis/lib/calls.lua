
-- Copyright (C) Event Router contributors


-- Which calls of an entry are made: a text as ../calls.c describes it, of
-- which only the first two bytes are known here.

--#include lib/entry.lua

-- a reason

local MAPPING = 8

-- '' leaves them as they are; the array has no gap

local function called(entry, calls)
    if calls ~= '' then
        for i = REASON, STATUS do
            entry[i] = entry[i] or 0
        end

        entry[ANSWER] = entry[ANSWER] or ''
        entry[CALLS] = calls
    end
end

-- A dead letter that its target gets again: what is done stays done, and the
-- second byte says how it came back.

local function calls_again(entry, dead)
    local calls = dead[CALLS]

    if calls and #calls >= 8 and string.byte(calls) == 1 then
        local bits = dead[REASON] == MAPPING and '\3' or '\1'

        called(entry, '\1' .. bits .. sub(calls, 3))
    end
end
