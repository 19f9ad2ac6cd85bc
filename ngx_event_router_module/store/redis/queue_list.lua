
-- Copyright (C) Event Router contributors


-- LIST: entries, pending or dead, or an event that is there for whomever.
-- Returns {1, now, more, target, event, entries ...}, with target and event as
-- far as it came.

--#include lib/scan.lua
--#include lib/show.lua
--#include lib/new.lua

local limit, dead, records = tonumber(ARGV[3]), ARGV[17] == '1',
                             ARGV[18] == '1'
local bytes = tonumber(ARGV[19])
local out, size = {1, now, 0, '', ''}, 0

local function visit(hash, target, event, entry)
    local record = ''

    if records then
        local n = call('HSTRLEN', hash, 'r')

        if size > 0 and size + n > bytes then
            return nil
        end

        size = size + n
        record = call('HGET', hash, 'r') or ''
    end

    show(out, target, event, entry, record)

    return 1
end

if ARGV[20] == '1' then
    local ms = tonumber(sub(event, 1, 11), 16)
    local record = call('HGET', base .. 'e:' .. event, 'r')

    if record then
        show(out, '', event, new(0, ms, ms, '', 0, '', '', ''), record)
    end

else
    scan(dead and 'x:' or 'k:', dead and 'd' or 'p', limit, visit)
end

out[3], out[4], out[5] = more, at, reached

return out
