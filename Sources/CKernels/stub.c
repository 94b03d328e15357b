#include "CKernels.h"
int plk_stub(void) { return 0; }
