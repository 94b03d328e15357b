extension TensorTable {
  /// States and locals of the optimizers beyond Adam's two moments, which stand with the parameters.
  static let optimizers: [String: TensorRule] = {
    let adam = "torch optim/adam.py, _single_tensor_adam and _multi_tensor_adam"
    let squares = "torch optim/rmsprop.py and adagrad.py, _multi_tensor_rmsprop and _multi_tensor_adagrad"
    let clip = "torch nn/utils/clip_grad.py, _get_total_norm"
    let adafactor = "torch optim/_adafactor.py, _single_tensor_adafactor and _multi_tensor_adafactor"
    let hfAdafactor = "transformers optimization.py, Adafactor.step"
    let mini = "adam_mini adam_mini.py, Adam_mini.step"
    let muon = "torch optim/_muon.py, _zeropower_via_newtonschulz"
    let free = "schedulefree adamw_schedulefree.py, AdamWScheduleFree.step"
    let torchao = "torchao optim/adam.py, _AdamBase._new_buffer"
    let galore = "galore_torch galore_projector.py, get_orthogonal_matrix"
    let projected = "galore_torch adamw.py and apollo_torch apollo.py, AdamW.step"
    let rules: [(name: String, rule: TensorRule)] = [
      ("exp_avg_sq.sqrt", TensorRule(.own, "the root of a second moment, on its way to the denominator", adam)),
      ("denominator", TensorRule(.own, "the root of a second moment and epsilon: what the update is divided by", adam)),
      ("grad.norm", TensorRule(.one, because: "a gradient's norm, for clipping", clip)),
      ("grad.decayed", TensorRule(.own, "the gradient with the weight's decay added", "torch optim/sgd.py")),
      ("square_avg", TensorRule(.own, "RMSprop's mean of squares: from the first step on", squares)),
      ("sum", TensorRule(.own, "Adagrad's sum of squares: there from the start", squares)),
      ("root", TensorRule(.own, "the root of the squares: what the update is divided by", squares)),
      ("numerator", TensorRule(.own, "the gradient times the negative learning rate", squares)),
      ("rms", TensorRule(.one, because: "the root mean square of the parameter, a state", hfAdafactor)),
      ("squares.raised", TensorRule(.own, "the squared gradient and epsilon", hfAdafactor)),
      ("row_var", TensorRule(.workspace, "the means of the squared gradient's rows, a state", adafactor)),
      ("col_var", TensorRule(.workspace, "the means of the squared gradient's columns, a state", adafactor)),
      ("variance", TensorRule(.own, "a vector's mean squared gradient, a state", adafactor)),
      ("row_mean", TensorRule(.workspace, "the gradient's norms by row, for this step's means", adafactor)),
      ("col_mean", TensorRule(.workspace, "the gradient's norms by column, for this step's means", adafactor)),
      ("grad.squared", TensorRule(.own, "a vector's squared gradient", adafactor)),
      ("m", TensorRule(.own, "Adam-mini's first moment: from the first step on", mini)),
      ("v", TensorRule(.workspace, "Adam-mini's second moment, one number a block of the parameter", mini)),
      ("grad.squares", TensorRule(.own, "the squared gradient, on its way to the means of blocks", mini)),
      ("grad.means", TensorRule(.workspace, "the mean square of every block", mini)),
      ("h", TensorRule(.workspace, "the root of every block's second moment", mini)),
      ("stepsize", TensorRule(.workspace, "the step of every block", mini)),
      ("z", TensorRule(.own, "schedule-free's second sequence of weights: from the first step on", free)),
      ("exp_avg.scale", TensorRule(.workspace, "the scales of a first moment's codes, one a block", torchao)),
      ("exp_avg_sq.scale", TensorRule(.workspace, "the scales of a second moment's codes, one a block", torchao)),
      ("exp_avg.qmap", TensorRule(.workspace, "the values that a first moment's codes stand for", torchao)),
      ("exp_avg_sq.qmap", TensorRule(.workspace, "the values that a second moment's codes stand for", torchao)),
      ("projector", TensorRule(.workspace, "the projection of a gradient to low rank, a state", galore)),
      ("projector.next", TensorRule(.workspace, "the new projection in the gradient's format", galore)),
      ("svd.matrix", TensorRule(.own, "the gradient in fp32, to be decomposed", galore)),
      ("svd.U", TensorRule(.workspace, "the gradient's left singular vectors", galore)),
      ("svd.S", TensorRule(.workspace, "the gradient's singular values", galore)),
      ("svd.Vh", TensorRule(.workspace, "the gradient's right singular vectors", galore)),
      ("svd.diagonal", TensorRule(.r, .r, because: "the largest singular values as a matrix", galore)),
      ("svd.scaled", TensorRule(.workspace, "singular vectors times their values", galore)),
      (
        "unorm_vec", TensorRule(.one, because: "bitsandbytes' norm of the update, a state", "galore_torch adamw8bit.py")
      ),
      ("grad.projected", TensorRule(.workspace, "the gradient projected to low rank", projected)),
      ("normalized", TensorRule(.workspace, "the first moment over the root of the second, in low rank", projected)),
      ("unscaled", TensorRule(.own, "the update projected back to the parameter's shape", projected)),
      ("scaled", TensorRule(.own, "the update projected back, times GaLore's scale", projected)),
      (
        "saved",
        TensorRule(.own, "the parameter, kept while its low-rank stand-in is updated", "galore_torch adamw8bit.py")
      ),
      (
        "stand_in",
        TensorRule(.workspace, "what the 8-bit kernel updates in the parameter's place", "galore_torch adamw8bit.py")
      ),
      ("grad.scaled", TensorRule(.own, "the gradient scaled by channel or as a whole", "apollo_torch apollo.py")),
      ("grad.limited", TensorRule(.own, "the scaled gradient with its growth limited", "apollo_torch apollo.py")),
      ("scaled_grad", TensorRule(.one, because: "the scaled gradient's norm, a state", "apollo_torch apollo.py")),
    ]
    var table: [String: TensorRule] = [:]
    for (name, rule) in rules { table["{parameter}." + name] = rule }
    for round in 0...5 {
      table["{parameter}.orthogonal.\(round)"] = TensorRule(
        .own, "the update on its way to an orthogonal matrix, in bf16", muon)
      table["{parameter}.gram.\(round)"] = TensorRule(.workspace, "the iterate times its own transpose", muon)
      table["{parameter}.gram_update.\(round)"] = TensorRule(.workspace, "the polynomial of that product", muon)
    }
    table["gradient_norm"] = TensorRule(.one, because: "the norm of all gradients, for clipping", clip)
    table["penalty"] = TensorRule(
      .one, because: "AdaLoRA's penalty for factors that aren't orthogonal, summed",
      "peft tuners/adalora/model.py, forward")
    table["loss.penalized"] = TensorRule(
      .one, because: "the loss and AdaLoRA's penalty", "peft tuners/adalora/model.py, forward")
    return table
  }()
}
