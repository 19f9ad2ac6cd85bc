
-- Copyright (C) Event Router contributors


-- An attempt was made: "past" says what came of it, without its number; empty:
-- none was made.  The latest 16 attempts are kept, of 16 bytes each.

--#include lib/entry.lua

local function tried(entry, past)
    if past == '' then
        return
    end

    entry[ATTEMPTS] = entry[ATTEMPTS] + entry[CRASHES] + 1
    entry[CRASHES] = 0

    local number = struct.pack('>I2', math.min(entry[ATTEMPTS], 65535))

    entry[PAST] = sub(entry[PAST] .. past .. number, -256)
end
