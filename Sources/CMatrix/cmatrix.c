#include "cmatrix.h"
