
-- Copyright (C) Event Router contributors


-- Whose key is it?  One that is gone is anybody's.

--#include lib/dedup.lua

local token = ARGV[1]
local owner = call('HGET', key, 't')
local mine = not owner or owner == token
