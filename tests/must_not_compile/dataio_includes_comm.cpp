// dataio/ knows support/ only.
#include "dataio/pack.h"
#ifdef MUST_NOT_COMPILE
#include "comm/communicator.h"
#endif
