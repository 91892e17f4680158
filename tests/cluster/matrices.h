#pragma once

// What `nvidia-smi topo -m` prints on machines of several kinds, in its own layout.
namespace galley::cluster::testing {

/// Eight A100 behind NVSwitches, with the network cards and the underlined header.
inline constexpr const char* kDgxA100 =
    "\t\x1b[4mGPU0\tGPU1\tGPU2\tGPU3\tGPU4\tGPU5\tGPU6\tGPU7\tNIC0\tNIC1\tNIC2\tCPU Affinity\tNUMA "
    "Affinity\tGPU NUMA ID\x1b[0m\n"
    "GPU0\t X \tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\tPXB\tPXB\tSYS\t48-63,176-191\t3\t\tN/A\n"
    "GPU1\tNV12\t X \tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\tPXB\tPXB\tSYS\t48-63,176-191\t3\t\tN/A\n"
    "GPU2\tNV12\tNV12\t X \tNV12\tNV12\tNV12\tNV12\tNV12\tSYS\tSYS\tSYS\t16-31,144-159\t1\t\tN/A\n"
    "GPU3\tNV12\tNV12\tNV12\t X \tNV12\tNV12\tNV12\tNV12\tSYS\tSYS\tSYS\t16-31,144-159\t1\t\tN/A\n"
    "GPU4\tNV12\tNV12\tNV12\tNV12\t X \tNV12\tNV12\tNV12\tSYS\tSYS\tPXB\t112-127\t7\t\tN/A\n"
    "GPU5\tNV12\tNV12\tNV12\tNV12\tNV12\t X \tNV12\tNV12\tSYS\tSYS\tPXB\t112-127\t7\t\tN/A\n"
    "GPU6\tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\t X \tNV12\tSYS\tSYS\tSYS\t80-95,208-223\t5\t\tN/A\n"
    "GPU7\tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\tNV12\t X \tSYS\tSYS\tSYS\t80-95,208-223\t5\t\tN/A\n"
    "NIC0\tPXB\tPXB\tSYS\tSYS\tSYS\tSYS\tSYS\tSYS\t X \tPIX\tSYS\t\t\t\t\n"
    "NIC1\tPXB\tPXB\tSYS\tSYS\tSYS\tSYS\tSYS\tSYS\tPIX\t X \tSYS\t\t\t\t\n"
    "NIC2\tSYS\tSYS\tSYS\tSYS\tPXB\tPXB\tSYS\tSYS\tSYS\tSYS\t X \t\t\t\t\n"
    "\nLegend:\n\n"
    "  X    = Self\n"
    "  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes\n"
    "  NV#  = Connection traversing a bonded set of # NVLinks\n"
    "\nNIC Legend:\n\n  NIC0: mlx5_0\n  NIC1: mlx5_1\n  NIC2: mlx5_2\n";

/// Two sockets, two switches on each, two GPUs on each switch.
inline constexpr const char* kTwoSocketPcie =
    "\tGPU0\tGPU1\tGPU2\tGPU3\tGPU4\tGPU5\tGPU6\tGPU7\tCPU Affinity\tNUMA Affinity\n"
    "GPU0\t X \tPIX\tPXB\tPXB\tSYS\tSYS\tSYS\tSYS\t0-27\t0\n"
    "GPU1\tPIX\t X \tPXB\tPXB\tSYS\tSYS\tSYS\tSYS\t0-27\t0\n"
    "GPU2\tPXB\tPXB\t X \tPIX\tSYS\tSYS\tSYS\tSYS\t0-27\t0\n"
    "GPU3\tPXB\tPXB\tPIX\t X \tSYS\tSYS\tSYS\tSYS\t0-27\t0\n"
    "GPU4\tSYS\tSYS\tSYS\tSYS\t X \tPIX\tPXB\tPXB\t28-55\t1\n"
    "GPU5\tSYS\tSYS\tSYS\tSYS\tPIX\t X \tPXB\tPXB\t28-55\t1\n"
    "GPU6\tSYS\tSYS\tSYS\tSYS\tPXB\tPXB\t X \tPIX\t28-55\t1\n"
    "GPU7\tSYS\tSYS\tSYS\tSYS\tPXB\tPXB\tPIX\t X \t28-55\t1\n";

/// A workstation with bridges between neighbours that are not neighbours in number.
inline constexpr const char* kNvlinkPairs =
    "\tGPU0\tGPU1\tGPU2\tGPU3\tCPU Affinity\tNUMA Affinity\n"
    "GPU0\t X \tPHB\tNV4\tPHB\t0-31\tN/A\n"
    "GPU1\tPHB\t X \tPHB\tNV4\t0-31\tN/A\n"
    "GPU2\tNV4\tPHB\t X \tPHB\t0-31\tN/A\n"
    "GPU3\tPHB\tNV4\tPHB\t X \t0-31\tN/A\n";

inline constexpr const char* kTwoT4 =
    "\tGPU0\tGPU1\tCPU Affinity\tNUMA Affinity\n"
    "GPU0\t X \tPHB\t0-15\tN/A\n"
    "GPU1\tPHB\t X \t0-15\tN/A\n";

inline constexpr const char* kSingle =
    "\tGPU0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n"
    "GPU0\t X \t0-7\t0\t\tN/A\n";

/// A cube of NVLinks (DGX-1): each GPU has four others at one or two links, and three far away.
inline constexpr const char* kDgx1 =
    "\tGPU0\tGPU1\tGPU2\tGPU3\tGPU4\tGPU5\tGPU6\tGPU7\tmlx5_0\tCPU Affinity\n"
    "GPU0\t X \tNV1\tNV1\tNV2\tNV2\tSYS\tSYS\tSYS\tPIX\t0-19,40-59\n"
    "GPU1\tNV1\t X \tNV2\tNV1\tSYS\tNV2\tSYS\tSYS\tPIX\t0-19,40-59\n"
    "GPU2\tNV1\tNV2\t X \tNV2\tSYS\tSYS\tNV1\tSYS\tPHB\t0-19,40-59\n"
    "GPU3\tNV2\tNV1\tNV2\t X \tSYS\tSYS\tSYS\tNV1\tPHB\t0-19,40-59\n"
    "GPU4\tNV2\tSYS\tSYS\tSYS\t X \tNV1\tNV1\tNV2\tSYS\t20-39,60-79\n"
    "GPU5\tSYS\tNV2\tSYS\tSYS\tNV1\t X \tNV2\tNV1\tSYS\t20-39,60-79\n"
    "GPU6\tSYS\tSYS\tNV1\tSYS\tNV1\tNV2\t X \tNV2\tSYS\t20-39,60-79\n"
    "GPU7\tSYS\tSYS\tSYS\tNV1\tNV2\tNV1\tNV2\t X \tSYS\t20-39,60-79\n"
    "mlx5_0\tPIX\tPIX\tPHB\tPHB\tSYS\tSYS\tSYS\tSYS\t X \n";

/// Six GPUs, three on each socket.
inline constexpr const char* kSixOnTwoSockets =
    "\tGPU0\tGPU1\tGPU2\tGPU3\tGPU4\tGPU5\tCPU Affinity\n"
    "GPU0\t X \tNODE\tNODE\tSYS\tSYS\tSYS\t0-15\n"
    "GPU1\tNODE\t X \tNODE\tSYS\tSYS\tSYS\t0-15\n"
    "GPU2\tNODE\tNODE\t X \tSYS\tSYS\tSYS\t0-15\n"
    "GPU3\tSYS\tSYS\tSYS\t X \tNODE\tNODE\t16-31\n"
    "GPU4\tSYS\tSYS\tSYS\tNODE\t X \tNODE\t16-31\n"
    "GPU5\tSYS\tSYS\tSYS\tNODE\tNODE\t X \t16-31\n";

}  // namespace galley::cluster::testing
