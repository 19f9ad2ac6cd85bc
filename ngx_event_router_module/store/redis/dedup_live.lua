
-- Copyright (C) Event Router contributors


-- LIVE: what died in a target's queue was started again

--#include lib/dedup.lua

call('HDEL', key, 'y:' .. ARGV[4])

return 1
