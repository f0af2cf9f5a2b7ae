// evaluation/ knows support/ only.
#include "evaluation/protocol.h"
#ifdef MUST_NOT_COMPILE
#include "dataio/pack.h"
#endif
