
-- Copyright (C) Event Router contributors


-- One entry in a reply: the elements that reply.c reads

--#include lib/entry.lua

local function show(out, target, event, entry, record)
    local n = #out

    out[n + 1] = target
    out[n + 2] = event
    out[n + 3] = entry[EPOCH]
    out[n + 4] = entry[ATTEMPTS]
    out[n + 5] = entry[CRASHES]
    out[n + 6] = entry[ACCEPTED]
    out[n + 7] = entry[DUE]
    out[n + 8] = entry[TOKEN]
    out[n + 9] = entry[ORDER]
    out[n + 10] = entry[GUARD]
    out[n + 11] = entry[PAST]
    out[n + 12] = entry[NAME]
    out[n + 13] = entry[ROUTES]
    out[n + 14] = entry[REASON] or 0
    out[n + 15] = entry[DIED] or 0
    out[n + 16] = entry[STATUS] or 0
    out[n + 17] = entry[ANSWER] or ''
    out[n + 18] = record
    out[n + 19] = entry[CALLS] or ''
end
