/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_EPOCH_MODELS_H
#define PHASIC_TESTS_EPOCH_MODELS_H

/* Models with epochs, and what is known of them. */
#include <string.h>

#include "process.h"

/*
 * Kingman's coalescent of 4 lineages; b[i] lineages have i + 1 descendants in the
 * sample. The size of the population is 1 until T, then N. Expected branch lengths by
 * descendants, and height, at N = 0.25, T = 0.5: from the design, by another program.
 */
#define TWO_SIZES                                                                      \
    "{'phasic':1,'constants':{'n':4,'size':1},"                                        \
    "'parameters':{'N':{'value':0.25},'T':{'value':0.5}},"                             \
    "'state':{'b':['n']},'start':{'b[0]':'n'},'transitions':["                         \
    "{'for':{'i':[0,'n-2'],'j':['i+1','n-2']},"                                        \
    "'when':'b[i]>0 && b[j]>0 && i+j+1 < n',"                                          \
    "'change':{'b[i]':-1,'b[j]':-1,'b[i+j+1]':1},'rate':'b[i]*b[j]/size'},"            \
    "{'for':{'i':[0,'n-2']},'when':'b[i]>1 && 2*i+1 < n',"                             \
    "'change':{'b[i]':-2,'b[2*i+1]':1},'rate':'b[i]*(b[i]-1)/2/size'}],"               \
    "'absorb':'b[n-1] > 0',"                                                           \
    "'rewards':{'one':'b[0]','two':'b[1]','three':'b[2]'},"                            \
    "'epochs':[{'at':'T','set':{'size':'N'}}]}"

/* One state left at rate a until T, then at rate b. */
#define TWO_HAZARDS                                                                    \
    "{'phasic':1,'parameters':{'a':{'value':0.8},'b':{'value':2.5},"                   \
    "'T':{'value':0.9}},'matrix':{'initial':[1],'rates':[[0,'a']]},"                   \
    "'epochs':[{'at':'T','set':{'a':'b'}}]}"

/* Cyclic, three epochs, values and times that hold parameters, two rewards. */
#define THREE_EPOCHS                                                                   \
    "{'phasic':1,'constants':{'c':0.5},"                                               \
    "'parameters':{'a':{'value':1.3},'b':{'value':0.7},'T':{'value':0.4}},"            \
    "'graph':{'vertices':[[0],[1],[2]],'initial':[[0,'a/(a+b)'],[1,'b/(a+b)']],"       \
    "'edges':[[0,1,'a*c'],[1,0,'b'],[1,2,'c'],[2,0,'a*b'],[2,-1,'b'],[0,-1,0.2]]},"    \
    "'rewards':{'left':[1,0,2],'right':[0,3,1]},"                                      \
    "'epochs':[{'at':'T','set':{'c':'2*exp(-b)'}},"                                    \
    "{'at':'2*T+0.3','set':{'a':'a*b','c':1}}]}"

/* Discrete time: other probabilities from step 3 and from step 7 on. */
#define STEP_EPOCHS                                                                    \
    "{'phasic':1,'time':'discrete','defect':true,'constants':{'c':0.3},"               \
    "'parameters':{'a':{'support':'unit','value':0.6},"                                \
    "'b':{'support':'unit','value':0.5}},"                                             \
    "'graph':{'vertices':[[0],[1],[2]],'initial':[[0,0.7],[1,0.2]],"                   \
    "'edges':[[0,1,'a'],[1,0,'b/2'],[1,2,'0.2*a'],[2,0,'a*b'],[2,-1,'c'],"             \
    "[0,-1,'0.1*b']]},'rewards':{'one':[1,0,2],'two':[0,3,1]},"                        \
    "'epochs':[{'at':3,'set':{'a':'a*b','c':0.6}},{'at':7,'set':{'b':'a'}}]}"

/* ' stands for ". */
static inline process process_quoted(const char *text)
{
    char copy[4096];
    size_t length = strlen(text);
    assert_true(length < sizeof copy);
    for (size_t i = 0; i <= length; i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    return process_text(copy);
}

#endif
