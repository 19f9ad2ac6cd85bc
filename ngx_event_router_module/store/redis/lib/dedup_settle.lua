
-- Copyright (C) Event Router contributors


-- Records the targets that have the event, also of who has lost the key, and
-- adopts a key that is gone.  Who includes this has "token" and "owner".

--#include lib/dedup.lua

local lease, window, targets = ARGV[2], ARGV[3], ARGV[4]

local HASH = '................'
local FIELDS = 6                -- of a key that is claimed
local TARGETS = 1024            -- that a key remembers

local function settle()
    if targets == '' then
        return
    end

    if not owner then
        --#include lib/dedup_now.lua

        call('HSET', key, 's', 'c', 't', token, 'b', now, 'l', lease, 'n', 1)
        call('PEXPIRE', key, lease + window)

        owner = token
    end

    local room = TARGETS + FIELDS - call('HLEN', key)
    local fields = {}

    for hash in string.gmatch(targets, HASH) do
        if room > 0 then
            fields[#fields + 1] = 'x' .. hash
            fields[#fields + 1] = 1
            room = room - 1
        end
    end

    if #fields > 0 then
        call('HSET', key, unpack(fields))
    end
end
