# Before any kernel imports TVM.
from .. import tvm_alone as tvm_alone
