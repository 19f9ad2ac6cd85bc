
-- Copyright (C) Event Router contributors


-- ADOPT: what a holder has leased comes due again.  Returns {1, now, how many
-- there were, how many are left}.

--#include lib/adopt.lua

local holder, batch, crash = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

tick()

local done, more = adopt(holder, batch, crash)

trim()

return {1, now, done, more}
