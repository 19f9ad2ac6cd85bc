
-- Copyright (C) Event Router contributors


-- Is the shard there, and are its keys laid out as ours?

--#include lib/queue.lua

return {1, now}
