// model/ and dataio/ do not know each other: they meet in trainer/.
#include "model/options.h"
#ifdef MUST_NOT_COMPILE
#include "dataio/batch.h"
#endif
