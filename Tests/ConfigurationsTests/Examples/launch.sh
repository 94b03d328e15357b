#!/bin/bash
# Two cards of the four.
export TOKENIZERS_PARALLELISM=false
CUDA_VISIBLE_DEVICES=0,1 accelerate launch --num_processes 2 --mixed_precision=bf16 \
    --use_deepspeed --zero_stage 2 \
    examples/sft.py --model_name_or_path 'meta-llama/Llama-2-7b-hf' \
    --use_peft --load_in_4bit --lora_r=8 --lora_target_modules q_proj v_proj \
    --max_length 512 --per_device_train_batch_size 4 --learning_rate -0 --no_such_flag "two words"
