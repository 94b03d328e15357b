// Rates of products with fp32 sums, which GeForce cards run at half the rate of fp16 sums. The architecture papers give
// them for each generation's first cards; they are 2 operations × 2 (Ampere and later; Turing 4) for every fp32 lane,
// and the rest of a generation follows from its fp32 rate.

extension DeviceCatalog {
  static let geForce: [Device] =
    turing.map {
      $0.device(
        capability: (7, 5),
        source: "NVIDIA Turing GPU Architecture, WP-09183-001, appendix A–C, and the cards' pages on nvidia.com")
    }
    + ampere.map {
      $0.device(
        capability: (8, 6),
        source: "NVIDIA Ampere GA102 GPU Architecture, appendix A, and the cards' pages on nvidia.com")
    }
    + ada.map {
      $0.device(
        capability: (8, 9),
        source: "NVIDIA Ada GPU Architecture, appendix A and B, and the cards' pages on nvidia.com")
    }
    + blackwell.map {
      $0.device(
        capability: (12, 0),
        source: "NVIDIA RTX Blackwell GPU Architecture, appendix A and B, and the cards' pages on nvidia.com")
    }

  private static let turing = [
    DeviceRow(
      name: "rtx-2060", title: "GeForce RTX 2060", gibibytes: 6, bandwidth: 336, rates: (nil, 25.8, 6.5),
      context: .small, links: Device.Links(.pcie(3)),
      usable: .torch(5.79, "https://github.com/facebookresearch/meshrcnn/issues/92")),
    DeviceRow(
      name: "rtx-2070", title: "GeForce RTX 2070", gibibytes: 8, bandwidth: 448, rates: (nil, 29.9, 7.5),
      context: .small, links: Device.Links(.pcie(3))),
    DeviceRow(
      name: "rtx-2080", title: "GeForce RTX 2080", gibibytes: 8, bandwidth: 448, rates: (nil, 40.3, 10.1),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 50, reach: 2))),
    DeviceRow(
      name: "rtx-2080-ti", title: "GeForce RTX 2080 Ti", gibibytes: 11, bandwidth: 616, rates: (nil, 53.8, 13.4),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 100, reach: 2)),
      usable: .torch(10.76, "https://github.com/JDAI-CV/image-captioning/issues/11")),
    DeviceRow(
      name: "titan-rtx", title: "TITAN RTX", gibibytes: 24, bandwidth: 672, rates: (nil, 130.5, 16.3),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 100, reach: 2))),
  ]

  private static let ampere = [
    DeviceRow(
      name: "rtx-3050", title: "GeForce RTX 3050 8GB", gibibytes: 8, bandwidth: 224, rates: (18.2, 18.2, 9.1),
      context: .small, links: Device.Links(.pcie(4, lanes: 8))),
    DeviceRow(
      name: "rtx-3060", title: "GeForce RTX 3060 12GB", gibibytes: 12, bandwidth: 360, rates: (25.5, 25.5, 12.7),
      context: .small, links: Device.Links(.pcie(4)),
      usable: .torch(11.75, "https://github.com/Kunhao-Liu/StyleGaussian/issues/12")),
    DeviceRow(
      name: "rtx-3060-ti", title: "GeForce RTX 3060 Ti", gibibytes: 8, bandwidth: 448, rates: (32.4, 32.4, 16.2),
      context: .small, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-3070", title: "GeForce RTX 3070", gibibytes: 8, bandwidth: 448, rates: (40.6, 40.6, 20.3),
      context: .medium, links: Device.Links(.pcie(4)),
      usable: .torch(7.78, "https://github.com/akshitac8/OW-DETR/issues/46")),
    DeviceRow(
      name: "rtx-3070-ti", title: "GeForce RTX 3070 Ti", gibibytes: 8, bandwidth: 608, rates: (43.5, 43.5, 21.7),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-3080", title: "GeForce RTX 3080 10GB", gibibytes: 10, bandwidth: 760, rates: (59.5, 59.5, 29.8),
      context: .medium, links: Device.Links(.pcie(4)),
      usable: .torch(9.78, "https://github.com/zai-org/CogVideo/issues/34")),
    DeviceRow(
      name: "rtx-3080-ti", title: "GeForce RTX 3080 Ti", gibibytes: 12, bandwidth: 912, rates: (68.2, 68.2, 34.1),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-3090", title: "GeForce RTX 3090", gibibytes: 24, bandwidth: 936, rates: (71, 71, 35.6),
      context: .large, links: Device.Links(.pcie(4), .nvlink(bothWays: 112.5, reach: 2)),
      usable: .torch(23.70, "https://github.com/GaoLii/DSP/issues/10")),
    DeviceRow(
      name: "rtx-3090-ti", title: "GeForce RTX 3090 Ti", gibibytes: 24, bandwidth: 1008, rates: (80, 80, 40),
      context: .large, links: Device.Links(.pcie(4), .nvlink(bothWays: 112.5, reach: 2))),
  ]

  private static let ada = [
    DeviceRow(
      name: "rtx-4060", title: "GeForce RTX 4060", gibibytes: 8, bandwidth: 272, rates: (30.2, 30.2, 15.1),
      context: .small, links: Device.Links(.pcie(4, lanes: 8))),
    DeviceRow(
      name: "rtx-4060-ti", title: "GeForce RTX 4060 Ti 8GB", gibibytes: 8, bandwidth: 288, rates: (44.1, 44.1, 22.1),
      context: .small, links: Device.Links(.pcie(4, lanes: 8))),
    DeviceRow(
      name: "rtx-4060-ti-16gb", title: "GeForce RTX 4060 Ti 16GB", gibibytes: 16, bandwidth: 288,
      rates: (44.1, 44.1, 22.1), context: .small, links: Device.Links(.pcie(4, lanes: 8))),
    DeviceRow(
      name: "rtx-4070", title: "GeForce RTX 4070", gibibytes: 12, bandwidth: 504, rates: (58.3, 58.3, 29.1),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4070-super", title: "GeForce RTX 4070 SUPER", gibibytes: 12, bandwidth: 504, rates: (71, 71, 35.5),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4070-ti", title: "GeForce RTX 4070 Ti", gibibytes: 12, bandwidth: 504, rates: (80.2, 80.2, 40.1),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4070-ti-super", title: "GeForce RTX 4070 Ti SUPER", gibibytes: 16, bandwidth: 672,
      rates: (88.2, 88.2, 44.1), context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4080", title: "GeForce RTX 4080", gibibytes: 16, bandwidth: 716.8, rates: (97.5, 97.5, 48.7),
      context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4080-super", title: "GeForce RTX 4080 SUPER", gibibytes: 16, bandwidth: 736,
      rates: (104.4, 104.4, 52.2), context: .medium, links: Device.Links(.pcie(4))),
    DeviceRow(
      name: "rtx-4090", title: "GeForce RTX 4090", gibibytes: 24, bandwidth: 1008, rates: (165.2, 165.2, 82.6),
      context: .large, links: Device.Links(.pcie(4)),
      usable: .torch(23.64, "https://github.com/eosphoros-ai/DB-GPT-Hub/issues/248")),
  ]

  private static let blackwell = [
    DeviceRow(
      name: "rtx-5060-ti-16gb", title: "GeForce RTX 5060 Ti 16GB", gibibytes: 16, bandwidth: 448,
      rates: (47.4, 47.4, 23.7), context: .small, links: Device.Links(.pcie(5, lanes: 8))),
    DeviceRow(
      name: "rtx-5070", title: "GeForce RTX 5070", gibibytes: 12, bandwidth: 672, rates: (61.7, 61.7, 30.9),
      context: .medium, links: Device.Links(.pcie(5))),
    DeviceRow(
      name: "rtx-5070-ti", title: "GeForce RTX 5070 Ti", gibibytes: 16, bandwidth: 896, rates: (87.9, 87.9, 43.9),
      context: .medium, links: Device.Links(.pcie(5))),
    DeviceRow(
      name: "rtx-5080", title: "GeForce RTX 5080", gibibytes: 16, bandwidth: 960, rates: (112.6, 112.6, 56.3),
      context: .large, links: Device.Links(.pcie(5))),
    DeviceRow(
      name: "rtx-5090", title: "GeForce RTX 5090", gibibytes: 32, bandwidth: 1792, rates: (209.5, 209.5, 104.8),
      context: .large, links: Device.Links(.pcie(5)),
      usable: .torch(31.37, "https://github.com/Wan-Video/Wan2.1/issues/465")),
  ]
}
