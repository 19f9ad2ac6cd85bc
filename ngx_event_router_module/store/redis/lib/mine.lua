
-- Copyright (C) Event Router contributors


-- The head of EXTEND and BURY: is the lease still theirs?  An entry that is
-- gone is nil.

--#include lib/entry.lua

local holder, token, event, target = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local hash = base .. 'e:' .. event
local entry = get(hash, 'p' .. target)
local mine = entry and entry[HOLDER] == holder and entry[TOKEN] == token
